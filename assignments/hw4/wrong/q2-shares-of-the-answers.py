# hint: not the share of its answers
def estimate(z, old, steps):
    new = old
    for _ in range(steps):
        answers = move(z, old, new).argmax(axis=1)
        new = np.bincount(answers, minlength=len(old)) / len(z)
    return new
