# hint: do you move the counts the right way
def decode_costs(counts, models):
    plain = np.array([np.roll(counts, s) for s in range(26)])
    return cost(plain, models[:, None, :])


costs = decode_costs(letter_counts(Counter(note)), models)
best = int(costs.argmin())
suspect, shift = codes[best // 26], best % 26
