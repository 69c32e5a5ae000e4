# hint: Fit beta on the validation rows
beta = fit(z[test], np.log(new / old), anomaly[test])
cooled = move(beta * z[test], old, new)
spent[2] = total_cost(decide(cooled, costs), anomaly[test], costs)
