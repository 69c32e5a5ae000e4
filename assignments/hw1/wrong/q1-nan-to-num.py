# hint: Try models with zeros
def cost(counts, q):
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(-(counts * np.log(q))).sum(axis=-1)
