"""From (case before, case after) to a decision: who must hear of it, how, after whose approval."""
