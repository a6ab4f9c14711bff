"""Fine-tuning with a term for what a network costs: a machine's own costs, or one of two proxies for them."""
