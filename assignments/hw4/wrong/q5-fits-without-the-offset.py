# hint: Fit beta on the validation rows, with the offset
beta = fit(z[valid], np.zeros(2), anomaly[valid])
cooled = move(beta * z[test], old, new)
spent[2] = total_cost(decide(cooled, costs), anomaly[test], costs)
