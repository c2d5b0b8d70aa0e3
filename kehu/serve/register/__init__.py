"""The register of purposes and notices for those who answer for it: who may propose, assess and decide, in the ledger."""
