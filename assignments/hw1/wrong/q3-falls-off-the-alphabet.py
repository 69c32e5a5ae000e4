# hint: counted round the alphabet
def decode_costs(counts, models):
    costs = np.zeros((len(models), 26))
    for s in range(26):
        plain = np.zeros(26)
        plain[: 26 - s] = counts[s:]
        costs[:, s] = cost(plain, models)
    return costs
