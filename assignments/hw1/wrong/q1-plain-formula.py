# hint: 0 times the logarithm of 0
def cost(counts, q):
    with np.errstate(divide="ignore", invalid="ignore"):
        return -(counts * np.log(q)).sum(axis=-1)
