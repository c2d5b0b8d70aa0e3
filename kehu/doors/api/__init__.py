"""The API under ``/api/v1``: for programs that act for one member of staff and one purpose."""
