"""Pages for visitors who are nobody yet: forms, their confirmation, and the letters somebody wants. No cookie, no script."""
