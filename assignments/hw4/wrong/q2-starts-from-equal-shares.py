# hint: from an old world that is not balanced
def estimate(z, old, steps):
    new = np.full(len(old), 1 / len(old))
    for _ in range(steps):
        new = np.exp(move(z, old, new)).mean(axis=0)
    return new
