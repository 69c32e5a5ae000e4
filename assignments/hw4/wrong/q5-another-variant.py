# hint: spent[0] or spent[1] is not your variant's
order = np.random.default_rng(VARIANT + 1).permutation(len(anomaly))
valid, test, rest = np.split(order, [2000, 10000])
groups = [rest[anomaly[rest] == k][:300] for k in (0, 1)]
z = evidence(readings[:, [1, 2, 3, 4, 5, 7]], groups)
new = np.bincount(anomaly[valid]) / len(valid)
beta = fit(z[valid], np.log(new / old), anomaly[valid])
ways = [log_softmax(z[test]), move(z[test], old, new), move(beta * z[test], old, new)]
spent = [total_cost(decide(log_q, costs), anomaly[test], costs) for log_q in ways]
