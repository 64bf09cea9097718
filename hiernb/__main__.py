"Run the command line: `python -m hiernb`, `torchrun -m hiernb`."
import sys

from hiernb.cli.main import main

if __name__=="__main__": sys.exit(main())
