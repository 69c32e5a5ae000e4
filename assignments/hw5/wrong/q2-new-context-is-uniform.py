# hint: leaves q as the
def probabilities(known, held, K, n, d):
    q = np.full(len(held), 1 / K)
    for m in range(1, n + 1):
        pairs = Counter(known[i : i + m] for i in range(len(known) - m + 1))
        total, kinds = Counter(), Counter()
        for pair, count in pairs.items():
            total[pair[:-1]] += count
            kinds[pair[:-1]] += 1
        for i in range(m - 1, len(held)):
            c = held[i - m + 1 : i]
            if total[c]:
                kept = max(pairs[c + held[i]] - d, 0)
                q[i] = (kept + d * kinds[c] * q[i]) / total[c]
            else:
                q[i] = 1 / K
    return q
