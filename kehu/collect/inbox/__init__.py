"""What channels send by themselves: accepted durably and acknowledged (``accept``), then taken in (``drain``)."""
