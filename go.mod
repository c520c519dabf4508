module realdocd

go 1.26
