"""The command epmt refmodel: make reference models, use them or not, delete them."""

from epmtlite import connection, forms, refmodels
from epmtlite.collect import errors
from epmtlite.collect.console import print_line
from epmtlite.query import create_refmodel, get_refmodels, session

CREATE, ENABLE, DELETE, SHOW = "create", "enable", "delete", "show"


def run(options):
    """Do what the action of the options says."""
    if options.action != CREATE and (options.jobs or options.tag or options.by_operation):
        raise errors.UsageError(f"{options.action} takes models alone")
    database_in_use = connection.opened(options, to_write=options.action != SHOW)
    with database_in_use as database, session.using(database, options.settings):
        if options.action == CREATE:
            create(options)
        elif options.action == SHOW:
            show(database, options)
        else:
            change(database, options)


def create(options):
    """Make a model, and print its id."""
    if len(options.models) != 1:
        raise errors.UsageError("create takes one name, and the jobs with --jobs")
    number = create_refmodel(
        options.jobs or "", name=options.models[0], tag=options.tag, fmt="terse",
        op_tags="*" if options.by_operation else None, methods=options.methods,
        features=options.features, pca=options.pca,
    )  # fmt: skip
    print_line(number)


def show(database, options):
    """Print what is known of models, or of all."""
    wanted = {refmodels.the_model(database, name).id for name in options.models}
    models = get_refmodels()
    forms.write_dicts([one for one in models if not wanted or one["id"] in wanted], options.form)


def change(database, options):
    """Enable, disable or delete models. Raises MissingInputError before anything is done."""
    if not options.models:
        raise errors.UsageError(f"which model? {options.action} takes ids or names")
    numbers = [refmodels.the_model(database, name).id for name in options.models]
    if options.action == DELETE:
        refmodels.delete(database, numbers)
        return
    for number in numbers:
        refmodels.set_enabled(database, number, options.action == ENABLE)
