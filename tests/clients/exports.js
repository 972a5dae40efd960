// Makes, lists, gets and deletes an export through Voucherify's own client, and fetches
// its file. node exports.js ADDRESS PROJECT KEY

const { VoucherifyServerSide } = require("@voucherify/sdk");

const [apiUrl, applicationId, secretKey] = process.argv.slice(2);

async function done(client, id) {
  for (let tries = 0; tries < 300; tries++) {
    const found = await client.exports.get(id);
    if (found.status === "DONE" || found.status === "ERROR") return found;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error("the export has not ended within a minute");
}

async function main() {
  const { distributions: client } = VoucherifyServerSide({ apiUrl, applicationId, secretKey });
  const created = await client.exports.create({
    exported_object: "api_log",
    parameters: {
      order: "created_at",
      fields: ["id", "created_at", "status", "request_id"],
      filters: { junction: "AND", status: { conditions: { $is: ["SUCCESS"] } } },
    },
  });
  const ended = await done(client, created.id);
  const file = await fetch(ended.result.url);
  const text = await file.text();
  const listed = await client.exports.list({ limit: 100 });
  await client.exports.delete(created.id);
  const missing = await client.exports.get(created.id).catch((error) => error);
  const found = { created, ended, text, listed, missing: { code: missing.code } };
  process.stdout.write(JSON.stringify(found));
}

main();
