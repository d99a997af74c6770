-- Lists are read in the order of an index, whatever is asked for.  The newest finding of a machine was
-- looked for among the newest of all machines.
CREATE UNIQUE INDEX finding_of_vm ON finding (vm) WHERE newest = 1;
