"""What the services that make webhook endpoints and that send to them share."""
