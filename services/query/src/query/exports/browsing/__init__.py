"""Browse data: an export's rows by pages, sorted and searched, without its file."""
