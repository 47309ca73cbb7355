seen.module = "ran";
