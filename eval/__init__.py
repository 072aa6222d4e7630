"""Questions -> numbers with doubt."""
