# hint: of five kinds
def probabilities(known, held, K, n, d):
    q = np.full(len(held), 1 / K)
    for m in range(1, n + 1):
        pairs = Counter(known[i : i + m] for i in range(len(known) - m + 1))
        total = Counter()
        for pair, count in pairs.items():
            total[pair[:-1]] += count
        for i in range(m - 1, len(held)):
            c = held[i - m + 1 : i]
            if total[c]:
                kept = max(pairs[c + held[i]] - d, 0)
                q[i] = (kept + d * K * q[i]) / total[c]
    return q
