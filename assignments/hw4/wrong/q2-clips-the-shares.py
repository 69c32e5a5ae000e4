# hint: A class that does not occur
def move(z, old, new):
    return log_softmax(z + np.log(new + 1e-12) - np.log(old))
