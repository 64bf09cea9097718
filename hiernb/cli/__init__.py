"Run hiernb from the command line."
