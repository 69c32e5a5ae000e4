# hint: nothing may be added to them
def cost(counts, q):
    return -(counts * np.log(q + 1e-12)).sum(axis=-1)
