using System.CommandLine;
using Iba.Datasets;
using Iba.Methods;

namespace Iba.Cli;

/// <summary><c>iba evaluate</c>: how well methods find what a decision rests on.</summary>
internal static class EvaluateCommand
{
    public static Command Create() => new("evaluate", "Measure attribution methods against what is known of photos.") { Boxes() };

    private static Command Boxes()
    {
        var images = new Option<string[]>("--images") { Description = NamedPhotos.Folder + " Where its sub-folders are the network's classes, by name, WordNet id, number or order, the map explains that class; otherwise the predicted one.", Required = true, Arity = ArgumentArity.OneOrMore, HelpName = "DIR" };
        var annotations = new Option<string>("--annotations") { Description = "A folder of Pascal VOC XML files with the photos' names, in the same sub-folders or all in one; 1 MiB each at most.", Required = true, HelpName = "DIR" };
        var classes = new Option<string>("--classes") { Description = $"Whose boxes count, all together: {BoxClasses.All}, {BoxClasses.Target} (those of the class that the map explains), or classes as the annotations or the network name them.", DefaultValueFactory = _ => BoxClasses.All, HelpName = "NAME,..." };
        var methods = new Option<string>("--methods") { Description = $"Some of: {string.Join(", ", AttributionMethods.All.Select(kind => kind.Name))}.", DefaultValueFactory = _ => "per-sample,random", HelpName = "NAME,..." };
        var count = new Option<int>("--count") { Description = "Photos to evaluate, taken evenly from the folder; 0 for all.", CustomParser = Number.AtLeast(0).Parse };
        var batch = new Option<int>("--batch") { Description = "Photos to explain at a time.", DefaultValueFactory = _ => 4, CustomParser = Number.Between(1, 4096).Parse };
        var raw = new Option<bool>("--not-normalised") { Description = "Show the network pixels from 0 to 1, as the paper's script did, in place of normalised ones." };
        var json = new Option<bool>("--json") { Description = "One line of JSON per photo and method on stdout, in place of the table, and one for each photo left out." };
        var methodOptions = new MethodOptions(evaluates: true);
        var networkOptions = new NetworkOptions();
        var command = new Command("boxes", "Of a map's n highest pixels, n those in the object's boxes, the share that lies in the boxes (paper section 4.5). A photo whose boxes cover more than a third of it, or nothing, is left out with a line that says why.")
        {
            images, annotations, classes, methods, count, batch, raw, json,
        };
        methodOptions.AddTo(command);
        networkOptions.AddTo(command);
        command.SetAction(parsed =>
        {
            string[] names = parsed.GetValue(methods)!.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
            MethodKind[] kinds = [.. names.Select(AttributionMethods.Find)];
            if (kinds.Length == 0)
                throw new UsageException($"--methods {parsed.GetValue(methods)}: it must name at least one method.");
            if (string.IsNullOrWhiteSpace(parsed.GetValue(classes)))
                throw new UsageException($"--classes: it must be {BoxClasses.All}, {BoxClasses.Target} or names.");

            methodOptions.Check(parsed, kinds, labels: null, networkOptions.DemoNetwork(parsed, Weights.Demo.Networks[0]) is not null);
            PhotoSet named = NamedPhotos.Images(parsed.GetValue(images)!);
            if (networkOptions.NamesNone(parsed))
                Terminal.Say($"neither --model nor --weights was given: evaluating {Weights.Demo.Networks[0]}, which comes with the program.");
            using LoadedNetwork opened = networkOptions.Load(parsed, Weights.Demo.Networks[0]);
            LoadedNetwork loaded = parsed.GetValue(raw) ? opened with { Preprocessing = opened.Preprocessing.NotNormalised, ChecksSamples = false } : opened;
            using ReadoutSource? masks = methodOptions.Readout(parsed, loaded);
            MethodInputs inputs = methodOptions.Inputs(parsed, loaded, masks, parsed.GetValue(batch)) with
            {
                Statistics = kinds.Any(kind => kind.Needs == MethodNeeds.Statistics) ? methodOptions.Statistics(parsed, loaded).At(null) : null,
            };
            var photos = new AnnotatedPhotos(loaded, named, parsed.GetValue(annotations)!, new BoxClasses(parsed.GetValue(classes)!), parsed.GetValue(count));
            return (int)new BoxEvaluation(loaded, photos, inputs, parsed.GetValue(json)).Run(kinds);
        });
        return command;
    }
}
