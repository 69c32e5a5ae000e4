# hint: beta multiplies the logits, and not the offset
cooled = beta * (z[test] + np.log(new / old))
spent[2] = total_cost(decide(log_softmax(cooled), costs), anomaly[test], costs)
