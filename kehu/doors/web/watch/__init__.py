"""Pages of the watch: alerts, violation cases, figures without names, marks, and what a person sees of cases about themselves."""
