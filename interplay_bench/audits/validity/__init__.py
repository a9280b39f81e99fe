"""What our numbers are worth beside people's labels: Match Score against likes, decisions against what people took."""
