# hint: add up along the last axis only
def cost(counts, q):
    needed = np.where(counts > 0, q, 1.0)
    with np.errstate(divide="ignore"):
        return -(counts * np.log(needed)).sum()
