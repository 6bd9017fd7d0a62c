use super::*;

fn path(text: &str) -> RelPath {
    RelPath::parse(text).unwrap()
}

fn options(include: &[&str], exclude: &[&str], ignore: &[&str]) -> FilterOptions {
    let own = |list: &[&str]| list.iter().map(ToString::to_string).collect();
    FilterOptions {
        include: own(include),
        exclude: own(exclude),
        ignore: own(ignore),
        ..FilterOptions::default()
    }
}

fn made(options: &FilterOptions) -> Filter {
    Filter::new(options, Path::new("/nonexistent")).unwrap()
}

/// Checks files by name; a slash at the end makes one a folder.
fn check(filter: &Filter, shown: &[&str], hidden: &[&str]) {
    for text in shown {
        assert!(
            !filter.hides(&path(text), text.ends_with('/')),
            "{text} is shown"
        );
        assert_eq!(filter.why(&path(text), text.ends_with('/')), None, "{text}");
    }
    for text in hidden {
        assert!(
            filter.hides(&path(text), text.ends_with('/')),
            "{text} is hidden"
        );
        assert!(
            filter.why(&path(text), text.ends_with('/')).is_some(),
            "{text}"
        );
    }
}

#[test]
fn the_tools_own_files_are_always_hidden_and_its_rules_are_not() {
    let mut options = options(&["**"], &[], &[]);
    options.no_default_ignores = true;
    check(
        &made(&options),
        &[".icloud-sync-ignore", "x.icloud-sync.part"],
        &[
            "a/.icloud-sync/trash/x",
            ".icloud-sync/",
            "a/.icloud-sync/",
            ".icloud-sync/trash/1/a",
            ".icloud-sync.Ab3.part",
            "a/b/.icloud-sync.Ab3.part",
        ],
    );
}

#[test]
fn default_ignores_are_hidden_until_lifted() {
    let names = [
        ".DS_Store",
        "a/.localized",
        "Icon\r",
        "a/._b",
        ".com-apple-bird-x",
        ".nfs00000000012a8f0300000017",
        "a/.b.txt.icloud",
    ];
    let shown = [
        "Icon",
        "a.icloud",
        ".icloud",
        "_a",
        "a/DS_Store",
        ".ds_store",
    ];
    check(&made(&options(&[], &[], &[])), &shown, &names);
    let mut lifted = options(&[], &[], &[]);
    lifted.no_default_ignores = true;
    check(&made(&lifted), &names, &[]);
}

#[test]
fn a_pattern_without_a_slash_is_a_name_and_one_with_a_slash_a_path() {
    let filter = made(&options(
        &[],
        &["*.tmp", "docs/*.bak", "/top", "build/", "a/**/z"],
        &[],
    ));
    check(
        &filter,
        &[
            "a.txt",
            "x/docs/a.bak",
            "docs/x/a.bak",
            "x/top",
            "build",
            "z",
            "b/z",
        ],
        &[
            "a.tmp",
            "x/y/a.tmp",
            "docs/a.bak",
            "top",
            "top/below",
            "x/build/",
            "x/build/inside",
            "a/z",
            "a/b/c/z",
        ],
    );
}

#[test]
fn ignore_and_exclude_win_over_include() {
    let filter = made(&options(&["*.txt"], &["a*"], &["b*"]));
    check(
        &filter,
        &["c.txt", "x/"],
        &["a.txt", "b.txt", "c.png", "a/c.txt"],
    );
    assert_eq!(
        filter.why(&path("a.txt"), false).unwrap().rule,
        "--exclude \"a*\""
    );
    assert_eq!(
        filter.why(&path("b.txt"), false).unwrap().rule,
        "--ignore \"b*\""
    );
    assert!(
        filter
            .why(&path("c.png"), false)
            .unwrap()
            .rule
            .contains("--include")
    );
    let below = filter.why(&path("a/c.txt"), false).unwrap();
    assert_eq!(
        (below.at, below.rule.as_str()),
        (path("a"), "--exclude \"a*\"")
    );
}

#[test]
fn an_included_folder_takes_part_with_all_below_it_and_so_do_the_ways_to_it() {
    let filter = made(&options(
        &["docs/20*/*.txt", "photos/", "/x/**/deep"],
        &[],
        &[],
    ));
    check(
        &filter,
        &[
            "docs/",
            "docs/2024/",
            "docs/2024/a.txt",
            "any/",
            "photos/",
            "a/photos/b/c.jpg",
            "x/a/b/deep",
        ],
        &["docs/a.txt", "docs/2024/a.png", "top.txt", "photos"],
    );
    let anchored = made(&options(&["docs/20*/*.txt", "x/**/deep"], &[], &[]));
    check(
        &anchored,
        &["docs/", "docs/2024/", "x/", "x/y/z/"],
        &["any/", "docs/1999/"],
    );
    let braces = made(&options(&["{a/b,c}/d"], &[], &[]));
    check(&braces, &["a/b/d", "c/d", "a/"], &["a/b/e"]);
}

#[test]
fn a_step_from_folder_to_folder_comes_to_the_same_as_the_whole_path() {
    let filter = made(&options(&["a/b/*.txt", "k/"], &["*.tmp"], &[]));
    for text in [
        "a",
        "a/b",
        "a/b/c.txt",
        "a/b/c.tmp",
        "a/c/d.txt",
        "k/l/m",
        "q/k/z.tmp",
    ] {
        let whole = path(text);
        let mut scope = filter.root();
        for folder in whole.ancestors() {
            scope = filter.step(scope, &folder, true);
        }
        let by_steps = filter.step(scope, &whole, false);
        assert_eq!(by_steps, filter.scope(&whole, false), "{text}");
    }
}

#[test]
fn patterns_are_compared_in_nfc() {
    let filter = made(&options(&[], &["Cafe\u{301}*"], &[]));
    check(&filter, &["Cafe.txt"], &["Caf\u{e9}.txt"]);
}

#[test]
fn in_filter_files_the_last_line_that_matches_decides() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(
        dir.path().join(IGNORE_FILE),
        "\u{feff}# comment\n*.log\n!keep.log\n/out/\ndocs/**/draft\n*.bin\n",
    )
    .unwrap();
    let extra = dir.path().join("extra");
    fs::write(&extra, "!*.bin\nkeep.log\n!.DS_Store\n").unwrap();
    let options = FilterOptions {
        filter_from: Some(extra),
        ..FilterOptions::default()
    };
    let filter = Filter::new(&options, dir.path()).unwrap();
    check(
        &filter,
        &["a.txt", "a.bin", "x/out/", "out", IGNORE_FILE],
        &[
            "a.log",
            "x/b.log",
            "keep.log",
            "out/",
            "out/below",
            "docs/a/b/draft",
            ".DS_Store",
        ],
    );
    let why = filter.why(&path("out/below"), false).unwrap().rule;
    assert!(why.contains("/out/") && why.contains(IGNORE_FILE), "{why}");
    let alone = Filter::new(&FilterOptions::default(), dir.path()).unwrap();
    check(&alone, &["keep.log"], &["a.bin"]);
}

#[test]
fn what_cannot_be_read_names_value_and_source() {
    let root = Path::new("/nonexistent");
    let error = Filter::new(&options(&[], &["ok", "a{b"], &[]), root).unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    let text = error.chain();
    assert!(
        text.starts_with("--exclude: bad pattern \"a{b\": unclosed alternate group"),
        "{text}"
    );
    let why = check_pattern("[x").unwrap_err();
    assert!(why.starts_with("unclosed character class"), "{why}");
    assert_eq!(check_pattern("docs/**/*.{md,txt}"), Ok(()));

    let missing = FilterOptions {
        filter_from: Some("/nonexistent/rules".into()),
        ..FilterOptions::default()
    };
    let error = Filter::new(&missing, root).unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
    let text = error.chain();
    assert!(
        text.contains("filter file \"/nonexistent/rules\""),
        "{text}"
    );

    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(IGNORE_FILE), "fine\na{b\n").unwrap();
    let error = Filter::new(&FilterOptions::default(), dir.path()).unwrap_err();
    assert!(
        error.chain().contains("line 2: bad pattern \"a{b\""),
        "{}",
        error.chain()
    );
    fs::write(dir.path().join(IGNORE_FILE), b"\xff\xfe").unwrap();
    let error = Filter::new(&FilterOptions::default(), dir.path()).unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
}

#[test]
fn empty_patterns_are_passed_over() {
    let filter = made(&options(&["", "/"], &[""], &["/"]));
    check(&filter, &["a", "b/"], &[]);
}

#[test]
fn rules_without_measure_are_refused_and_not_compiled() {
    let refused = |options: &FilterOptions, local: &Path| {
        let error = Filter::new(options, local).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        error.chain()
    };
    let none = Path::new("/nowhere");
    let long = "a/".repeat(3_000);
    let words = refused(&options(&[], &[&long], &[]), none);
    assert!(words.contains("more than 4096 bytes"), "{words}");
    let many = vec!["x".repeat(4_000); 100];
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let words = refused(&options(&many, &[], &[]), none);
    assert!(words.contains("together"), "{words}");
    let local = tempfile::tempdir().unwrap();
    let file = local.path().join(IGNORE_FILE);
    fs::write(&file, format!("*.tmp\n{long}\n")).unwrap();
    let words = refused(&FilterOptions::default(), local.path());
    assert!(words.contains("line 2: it has more than"), "{words}");
    fs::write(&file, "# x\n".repeat(300_000)).unwrap();
    let words = refused(&FilterOptions::default(), local.path());
    assert!(words.contains("more than 1048576 bytes"), "{words}");
}

#[test]
fn of_a_very_deep_include_any_folder_may_be_on_the_way() {
    let deep = "a/".repeat(500) + "x.txt";
    let filter = made(&options(&[&deep], &[], &[]));
    let scope = filter.scope(&path("b"), true);
    assert_eq!(scope, Scope::Way);
    assert!(filter.hides(&path("b/y.txt"), false));
}
