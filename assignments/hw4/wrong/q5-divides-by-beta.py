# hint: the last is the smallest
cooled = move(z[test] / beta, old, new)
spent[2] = total_cost(decide(cooled, costs), anomaly[test], costs)
