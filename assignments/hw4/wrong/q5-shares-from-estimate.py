# hint: take the new shares from the validation labels
new = estimate(z[valid], old, 100)
beta = fit(z[valid], np.log(new / old), anomaly[valid])
ways = [came, move(z[test], old, new), move(beta * z[test], old, new)]
spent = [total_cost(decide(log_q, costs), anomaly[test], costs) for log_q in ways]
