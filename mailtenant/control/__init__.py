"""The control plane's database side: customers, keys, migrations, tasks, messages to customers. No HTTP in here."""
