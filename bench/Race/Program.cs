// race data                            puts the datasets on the S3 server, prints their bucket
// race process|cold|changed|memory     one race each; bench/run says what each is
using DatasetCache.Bench.Race;
using DatasetCache.Bench.Race.Races;

var ground = await Ground.FromEnvironmentAsync();
switch (args)
{
    case ["data"]:
        Console.WriteLine(await S3Data.PutAsync(ground));
        return 0;
    case ["process"]:
        return await WarmProcess.RunAsync(ground) ? 0 : 1;
    case ["cold"]:
        return await Cold.RunAsync(ground) ? 0 : 1;
    case ["changed"]:
        return await Changed.RunAsync(ground) ? 0 : 1;
    case ["memory"]:
        return await Memory.RunAsync(ground) ? 0 : 1;
    default:
        Console.Error.WriteLine("race: data | process | cold | changed | memory");
        return 2;
}
