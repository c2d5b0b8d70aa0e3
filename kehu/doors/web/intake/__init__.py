"""How records come in, as pages: the channels and their terms, what was refused and how it is mended."""
