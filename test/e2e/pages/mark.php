<?php
// Leaves the file ?mark= behind: it has run.
touch($_GET['mark']);
echo 'marked';
