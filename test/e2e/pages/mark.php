<?php
// Leaves the file ?mark= behind: it has run. When it ran is in the file, in nanoseconds: the
// times of files are too coarse to tell which of two scripts was first.
file_put_contents($_GET['mark'], hrtime(true));
echo 'marked';
