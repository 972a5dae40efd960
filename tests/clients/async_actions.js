// Lists and gets tasks through Voucherify's own client, and prints what it gave.
// node async_actions.js ADDRESS PROJECT KEY TASK_ID END_DATE

const { VoucherifyServerSide } = require("@voucherify/sdk");

const [apiUrl, applicationId, secretKey, taskId, endDate] = process.argv.slice(2);

async function main() {
  const { asyncActions } = VoucherifyServerSide({ apiUrl, applicationId, secretKey });
  const missing = await asyncActions.get("no such/task").catch((error) => error);
  const found = {
    all: await asyncActions.list({}),
    some: await asyncActions.list({ limit: 1, end_date: endDate }),
    one: await asyncActions.get(taskId),
    missing: { name: missing.name, code: missing.code, key: missing.key },
  };
  process.stdout.write(JSON.stringify(found));
}

main();
