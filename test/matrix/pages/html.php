<!DOCTYPE html><title><?= $_SERVER['REALDOC_RELEASE'] ?></title>
