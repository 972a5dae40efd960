"""A small voucher shop whose every request is found again in Daybook."""
