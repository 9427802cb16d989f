"""What is done to an index so that it breaks: `make torture` does it all and prints a table.

child     runs work in a forked process, which may be killed at any moment
edition   what the folder of documents holds, and the steps from one edition to the next
state     everything that an index holds, to be compared as sets
trial     one thing done to an index, and what came of it
kill, damage, storage, together     the things that are done
tally     the table
"""
