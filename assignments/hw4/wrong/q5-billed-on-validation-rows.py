# hint: Bill the test rows
rows = z[valid]
log_qs = log_softmax(rows), move(rows, old, new), move(beta * rows, old, new)
spent = [total_cost(decide(log_q, costs), anomaly[valid], costs) for log_q in log_qs]
