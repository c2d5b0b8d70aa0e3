"""Mail: where it is fetched from (``boxes``), how (``pull``), and what a message says (``message``, ``plain``)."""
