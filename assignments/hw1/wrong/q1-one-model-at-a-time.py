# hint: two texts two rows of three
def cost(counts, q):
    if q.ndim > 1:
        return np.array([cost(counts, row) for row in q])
    needed = np.where(counts > 0, q, 1.0)
    with np.errstate(divide="ignore"):
        return -(counts * np.log(needed)).sum(axis=-1)
