# hint: Where a one is rare they say 98 to 2
def move(z, old, new):
    with np.errstate(divide="ignore"):
        return log_softmax(z + np.log(old) - np.log(new))
