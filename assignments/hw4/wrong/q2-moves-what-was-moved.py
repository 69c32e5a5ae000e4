# hint: Every step moves the logits that you were given
def estimate(z, old, steps):
    new = old
    for _ in range(steps):
        z = move(z, old, new)
        new = np.exp(z).mean(axis=0)
    return new
