# hint: whose sex or measurement is missing
sex_nats = mutual_information(sex, species)
flipper_nats = mutual_information(flipper // 10, species)
