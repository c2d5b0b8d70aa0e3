"""The watch: what notices that somebody uses customer data otherwise than their work needs. It reads the ledger, by a job."""
