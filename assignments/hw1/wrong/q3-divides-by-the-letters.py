# hint: The costs are those of the whole note
def decode_costs(counts, models):
    plain = np.array([np.roll(counts, -s) for s in range(26)])
    return cost(plain, models[:, None, :]) / counts.sum()


costs = decode_costs(letter_counts(Counter(note)), models)
lead = float(np.diff(np.sort(costs, axis=None)[:2])[0])
