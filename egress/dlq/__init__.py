"""Looking at dead letters, putting them back, dropping them."""
