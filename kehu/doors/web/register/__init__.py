"""Pages of the register: purposes and notices, their versions and the steps of a change."""
