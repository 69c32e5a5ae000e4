# hint: to the second of all pairs
row = np.sort(costs[codes.index(suspect)])
lead = float(row[1] - row[0])
